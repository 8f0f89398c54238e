// The shop that every bundler builds: the package by its name, nothing else.
import { createRecommender } from 'halfling';
import 'halfling/element';

const element = document.createElement('halfling-recommendations');
element.setAttribute('limit', '5');
document.body.append(element);
element.recommender = await createRecommender({ model: '/model/' });
document.documentElement.dataset.threads = element.recommender.info.threads;
