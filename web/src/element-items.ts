// How <halfling-recommendations> draws items. All that comes from the catalogue is text, never markup.

export type Fields = Readonly<Record<string, unknown>>;

export const STYLE = `
:host { display: block; }
:host([hidden]) { display: none; }
ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); }
li { position: relative; display: flex; flex-direction: column; min-width: 0; }
[part=link] { display: flex; flex: 1; flex-direction: column; gap: .25rem; text-align: start; font: inherit;
  color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-decoration: none; }
[part=link]:hover [part=title] { text-decoration: underline; }
[part=image] { width: 100%; aspect-ratio: 1; object-fit: cover; }
[part=category] { opacity: .75; font-size: .875em; }
[part=dismiss] { position: absolute; inset-block-start: .25rem; inset-inline-end: .25rem;
  inline-size: 1.75rem; block-size: 1.75rem; border: 0; border-radius: 50%; padding: 0; font: inherit;
  line-height: 1; color: inherit; background: color-mix(in srgb, currentcolor 8%, transparent);
  cursor: pointer; }
[part=dismiss]:hover { background: color-mix(in srgb, currentcolor 20%, transparent); }
li:has([part=dismiss]) [part=title] { padding-inline-end: 1.25rem; }
[role=status] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
`;
const URL_ATTRIBUTES = ['href', 'src'] as const;
/** What an image's address tells of the visitor is enough: not the page's, too. */
const REFERRER_POLICY = 'no-referrer';

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  part: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  element.setAttribute('part', part);
  element.append(...children);
  return element;
}

/** The catalogue is data: an address that would run a script is none. */
function safeUrl(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  try {
    return /^https?:$/.test(new URL(value, document.baseURI).protocol) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** With parts for the page's style sheets. */
export function drawItem(fields: Fields, title: string): HTMLElement {
  const href = safeUrl(fields['url']);
  const link = href === undefined ? make('button', 'link') : make('a', 'link');
  if (link instanceof HTMLAnchorElement) link.href = href as string;
  else link.type = 'button';
  const src = safeUrl(fields['image']);
  if (src !== undefined) {
    const image = make('img', 'image');
    Object.assign(image, { alt: '', loading: 'lazy', referrerPolicy: REFERRER_POLICY, src });
    link.append(image);
  }
  link.append(make('span', 'title', title));
  const { category } = fields;
  if (typeof category === 'string') link.append(make('span', 'category', category));
  return link;
}

/** The page's template, filled in, to be a child of the element for a slot of its own. */
export function copyTemplate(template: DocumentFragment, id: string, fields: Fields): HTMLElement {
  const copy = document.createElement('div');
  copy.dataset['halflingItem'] = id;
  copy.slot = `item ${id}`;
  copy.append(document.importNode(template, true));
  for (const element of copy.querySelectorAll<HTMLElement>('[data-text]')) {
    element.textContent = String(fields[element.dataset['text'] as string] ?? '');
  }
  for (const element of copy.querySelectorAll<HTMLElement>('[data-alt]')) {
    element.setAttribute('alt', String(fields[element.dataset['alt'] as string] ?? ''));
  }
  for (const element of copy.querySelectorAll('[data-src]:not([referrerpolicy])')) {
    element.setAttribute('referrerpolicy', REFERRER_POLICY);
  }
  for (const name of URL_ATTRIBUTES) {
    for (const element of copy.querySelectorAll<HTMLElement>(`[data-${name}]`)) {
      const url = safeUrl(fields[element.dataset[name] as string]);
      if (url !== undefined) element.setAttribute(name, url);
    }
  }
  return copy;
}
