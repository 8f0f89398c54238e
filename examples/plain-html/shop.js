import { createRecommender } from './halfling/index.js';
import './halfling/element.js';

const recommender = await createRecommender({ model: './model/' }).catch((error) => {
  document.body.replaceChildren(document.querySelector('#failure').content);
  throw error; // for the console
});

const forYou = document.querySelector('#for-you');
forYou.recommender = recommender;
forYou.addEventListener('halfling-select', ({ detail }) => open(detail.recommendation.id));

/** A shop would show the film's page here. */
function open(id) {
  void recommender.track({ type: 'view', item: id });
}

const consent = document.querySelector('#consent');
consent.checked = recommender.consent;
recommender.on('consent', (granted) => (consent.checked = granted)); // in another tab, too
const tell = (error) => alert(error.message); // what is stored could not be erased, say
consent.addEventListener('change', () => recommender.setConsent(consent.checked).catch(tell));
const forget = document.querySelector('#forget');
forget.addEventListener('click', () => recommender.clearHistory().catch(tell));

const films = document.querySelector('#films');
const search = document.querySelector('#search');

function showFilms() {
  const text = search.value.toLowerCase();
  const found = recommender.items.filter(({ title }) => title?.toLowerCase().includes(text));
  films.replaceChildren(
    ...found.slice(0, 30).map(({ id, title }) => {
      const item = document.createElement('li');
      const button = document.createElement('button');
      button.textContent = title;
      button.addEventListener('click', () => open(id));
      item.append(button);
      return item;
    }),
  );
}

search.addEventListener('input', showFilms);
showFilms();
