// Pages live behind the hash: static hosting under any path serves them, and so does the service worker.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

import { focusHeading } from './focus';

export type Route =
  | { readonly page: 'home' | 'cart' | 'how' }
  | { readonly page: 'film'; readonly id: string }
  | { readonly page: 'search'; readonly query: string; readonly genre: string };

const SCROLL_REST_MS = 100;

export const HOME = '#/';
export const CART = '#/cart';
export const HOW = '#/how';
export const filmUrl = (id: string) => `#/film/${encodeURIComponent(id)}`;

export function searchUrl(query: string, genre = ''): string {
  const fields = { ...(query && { q: query }), ...(genre && { genre }) };
  const search = new URLSearchParams(fields).toString();
  return search ? `#/search?${search}` : '#/search';
}

/** Anybody may write an address: one that does not decode is taken as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function parseHash(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page, id] = path.split('/');
  if (page === 'film' && id) return { page, id: decode(id) };
  if (page === 'cart' || page === 'how') return { page };
  if (page === 'search') {
    const params = new URLSearchParams(search);
    return { page, query: params.get('q') ?? '', genre: params.get('genre') ?? '' };
  }
  return { page: 'home' };
}

/** Goes to `url` without a new entry in the browser's history: for what changes with each letter. */
export function replaceUrl(url: string): void {
  history.replaceState(history.state, '', url);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const read = () => setHash(location.hash);
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return parseHash(hash);
}

/**
 * A new page starts at its top with the focus on its h1; one that the visitor goes back to, where it
 * was left. `page` names what counts as a page.
 */
export function usePageStart(page: string): void {
  useEffect(() => {
    history.scrollRestoration = 'manual';
    const remember = () => history.replaceState({ top: scrollY }, '');
    // At rest, for Safari allows a hundred such calls in half a minute; it has `scrollend` only of late.
    let timer: ReturnType<typeof setTimeout>;
    const rememberSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(remember, SCROLL_REST_MS);
    };
    addEventListener('scroll', rememberSoon);
    return () => {
      clearTimeout(timer);
      removeEventListener('scroll', rememberSoon);
    };
  }, []);

  const isFirst = useRef(true);
  useLayoutEffect(() => {
    const { top } = (history.state ?? {}) as { top?: number };
    scrollTo(0, top ?? 0);
    const isTyping = document.activeElement instanceof HTMLInputElement;
    if (!isFirst.current && !isTyping) focusHeading();
    isFirst.current = false;
  }, [page]);
}
