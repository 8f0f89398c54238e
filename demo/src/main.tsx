import { render } from 'preact';

import { App } from './app';
import './styles/base.css';
import './styles/frame.css';
import './styles/poster.css';
import './styles/shelf.css';
import './styles/pages.css';
import './styles/drawer.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
