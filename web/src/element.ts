// <halfling-recommendations>: a list of recommendations that keeps itself up to date.
//
//   <halfling-recommendations model="/models/shop/" limit="6" dismissible>
//     <h2 slot="heading">For you</h2>
//     <template><a data-href="url"><img data-src="image" alt=""><b data-text="title"></b></a></template>
//   </halfling-recommendations>
//
// Attributes: model (loads a recommender of its own; or set the property `recommender`), limit,
// diversity, similar-to, trending, label (the list's name for screen readers), status-label (what they
// announce when a list has come, where {count} is how many), dismissible, dismiss-label. Property:
// query, for filter, boost and the like. A <template> child is copied for each item into the page's own
// DOM, so that the page's style sheets apply; data-text, data-href, data-src and data-alt name fields
// of the item. Without one, items are drawn inside and styled through the parts list, item, link,
// image, title, category and dismiss. Slots: heading, empty, error.
// Events: halfling-select (an item was chosen; cancelable), halfling-state (every ListState; where that
// is an error, it is for the console, too, unless the event is cancelled). Method: retry().

import {
  createRecommender,
  type Recommendation,
  type Recommender,
} from './index.js';
import { copyTemplate, drawItem, make, STYLE, type Fields } from './element-items.js';
import { EMPTY_LIST, LiveList, type ListQuery, type ListState } from './live-list.js';

export type { ListQuery, ListState } from './live-list.js';

// Node, where this module may be imported too, has no elements.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

const ASKING = ['limit', 'diversity', 'similar-to', 'trending'];
const DRAWING = ['label', 'status-label', 'dismissible', 'dismiss-label'];

export class HalflingRecommendations extends Base {
  static readonly observedAttributes = ['model', ...ASKING, ...DRAWING];

  readonly #section = make('section', 'section');
  readonly #list = make('ol', 'list');
  readonly #status = make('p', 'status');
  readonly #empty = document.createElement('slot');
  readonly #error = document.createElement('slot');
  #given: Recommender<unknown> | undefined;
  #own: Recommender<unknown> | undefined;
  #loading: AbortController | undefined;
  #live: LiveList<unknown> | undefined;
  #query: ListQuery<unknown> = {};
  #state: ListState<unknown> = EMPTY_LIST;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet(); // a <style> would need an exception in the page's policy
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    this.#list.setAttribute('role', 'list'); // Safari forgets it where list-style is none
    this.#status.setAttribute('role', 'status');
    this.#empty.name = 'empty';
    this.#error.name = 'error';
    const heading = document.createElement('slot');
    heading.name = 'heading';
    this.#section.append(heading, this.#status, this.#list, this.#empty, this.#error);
    root.append(this.#section);
    this.#render();
  }

  /**
   * The one that was given, for the whole page to share, or else that of the attribute `model`, from
   * the first ListState with status 'ready' on. The element disposes of its own when it is given one.
   */
  get recommender(): Recommender<unknown> | undefined {
    return this.#given ?? this.#own;
  }
  set recommender(recommender: Recommender<unknown> | undefined) {
    if (recommender === this.recommender) return;
    this.#disposeOwn();
    this.#given = recommender;
    this.#restart();
  }

  /** Options of recommend() that are no attributes. Attributes come before these. */
  get query(): ListQuery<unknown> {
    return this.#query;
  }
  set query(query: ListQuery<unknown>) {
    this.#query = query;
    void this.#live?.refresh();
  }

  get state(): ListState<unknown> {
    return this.#state;
  }

  connectedCallback(): void {
    this.#takeEarly('query');
    this.#takeEarly('recommender');
    globalThis.addEventListener('online', this.#onOnline);
    this.#restart();
  }

  disconnectedCallback(): void {
    globalThis.removeEventListener('online', this.#onOnline);
    this.#stop();
    // An element that only moves is connected again at once.
    queueMicrotask(() => {
      if (!this.isConnected) this.#disposeOwn();
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    if (name === 'model') {
      this.#disposeOwn();
      this.#restart();
    } else if (DRAWING.includes(name)) {
      this.#render();
    } else {
      void this.#live?.refresh();
    }
  }

  /** Asks again; loads the attribute's model anew, also where it is there. */
  retry(): void {
    this.#disposeOwn();
    this.#restart();
  }

  readonly #onOnline = (): void => {
    if (this.#state.status === 'error' && !this.recommender) this.retry();
  };

  /** What a script set before this class was there lies on the element itself and hides the setter. */
  #takeEarly(name: 'query' | 'recommender'): void {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    Reflect.deleteProperty(this, name);
    Reflect.set(this, name, value);
  }

  #stop(): void {
    this.#live?.stop();
    this.#live = undefined;
  }

  #restart(): void {
    this.#stop();
    if (!this.isConnected) return;
    if (this.recommender) {
      this.#live = new LiveList(
        this.recommender,
        () => this.#toQuery(),
        (state) => this.#show(state),
      );
    } else if (this.hasAttribute('model')) {
      void this.#load(this.getAttribute('model') as string);
    }
  }

  async #load(model: string): Promise<void> {
    if (this.#loading) return;
    const { signal } = (this.#loading = new AbortController());
    this.#show({ status: 'loading', recommendations: this.#state.recommendations });
    try {
      const created = await createRecommender({ model, signal });
      if (signal.aborted) return created.dispose();
      created.on('warning', (warning) => console.warn(warning));
      created.on('close', () => (this.#own = undefined));
      this.#own = created;
      this.#loading = undefined;
      this.#restart();
    } catch (error) {
      if (signal.aborted) return;
      this.#loading = undefined;
      this.#show({ status: 'error', recommendations: [], error });
    }
  }

  #disposeOwn(): void {
    this.#stop(); // or the list would tell that its recommender has closed
    this.#loading?.abort();
    this.#loading = undefined;
    this.#own?.dispose();
    this.#own = undefined;
  }

  #toQuery(): ListQuery<unknown> {
    const number = (name: string) =>
      this.hasAttribute(name) ? { [name]: Number(this.getAttribute(name)) } : {};
    const similarTo = this.getAttribute('similar-to');
    return {
      ...this.#query,
      ...number('limit'),
      ...number('diversity'),
      ...(similarTo !== null && { similarTo }),
      ...(this.hasAttribute('trending') && { trending: true }),
    };
  }

  #show(state: ListState<unknown>): void {
    this.#state = state;
    this.#render();
    const told = new CustomEvent('halfling-state', { detail: state, cancelable: true });
    if (this.dispatchEvent(told) && state.status === 'error') console.error(state.error);
  }

  #render(): void {
    const { status, recommendations } = this.#state;
    this.#section.setAttribute('aria-label', this.getAttribute('label') ?? 'Recommended');
    this.#section.setAttribute('aria-busy', String(status === 'loading'));
    this.#empty.hidden = status !== 'ready' || recommendations.length > 0;
    this.#error.hidden = status !== 'error';
    if (status === 'loading') return;
    this.#announce(status === 'ready' ? recommendations.length : undefined);

    const focused = this.#focusedPlace();
    this.querySelectorAll(':scope > [data-halfling-item]').forEach((copy) => copy.remove());
    const template = this.querySelector<HTMLTemplateElement>(':scope > template');
    this.#list.replaceChildren(
      ...recommendations.map((one) => this.#makeItem(one, template?.content)),
    );
    if (focused !== undefined) this.#focusPlace(focused);
  }

  /** Only what is new, and no error: its text is for developers, the slot `error` for visitors. */
  #announce(count: number | undefined): void {
    const label = this.getAttribute('status-label') ?? '{count} recommendations';
    const text = count === undefined ? '' : label.replaceAll('{count}', String(count));
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  #makeItem(one: Recommendation<unknown>, template: DocumentFragment | undefined): HTMLElement {
    const fields: Fields = { ...one, ...(one.item as Fields) };
    const title = String(fields['title'] ?? one.id);
    const content = template ? copyTemplate(template, one.id, fields) : drawItem(fields, title);
    content.addEventListener('click', (event) => {
      const detail = { recommendation: one };
      const options = { detail, bubbles: true, composed: true, cancelable: true };
      if (!this.dispatchEvent(new CustomEvent('halfling-select', options))) event.preventDefault();
    });
    if (!template) return this.#withDismiss(make('li', 'item', content), one, title);

    const slot = document.createElement('slot');
    slot.name = content.slot;
    this.append(content);
    return this.#withDismiss(make('li', 'item', slot), one, title);
  }

  #withDismiss(item: HTMLLIElement, { id }: Recommendation<unknown>, title: string): HTMLLIElement {
    item.dataset['id'] = id;
    if (!this.hasAttribute('dismissible')) return item;
    const label = this.getAttribute('dismiss-label') ?? 'Not interested';
    const button = make('button', 'dismiss', '×');
    button.type = 'button';
    button.setAttribute('aria-label', `${label}: ${title}`);
    button.addEventListener('click', () => {
      void this.recommender?.track({ type: 'dismiss', item: id });
    });
    item.append(button);
    return item;
  }

  /** Place in the list and part of what has the focus, so that a new list does not lose it. */
  #focusedPlace(): { place: number; part: string } | undefined {
    const outside = (this.getRootNode() as Document | ShadowRoot).activeElement;
    const copy = outside?.closest<HTMLElement>('[data-halfling-item]');
    const ownCopy = copy?.parentElement === this ? copy : undefined;
    const active = this.shadowRoot?.activeElement;
    const id = active?.closest('li')?.dataset['id'] ?? ownCopy?.dataset['halflingItem'];
    const place = [...this.#list.children].findIndex(
      (item) => (item as HTMLElement).dataset['id'] === id,
    );
    return place < 0 ? undefined : { place, part: active?.getAttribute('part') ?? '' };
  }

  #focusPlace({ place, part }: { place: number; part: string }): void {
    const items = this.#list.children;
    const item = items[Math.min(place, items.length - 1)] as HTMLElement | undefined;
    const copy = [...this.children].find(
      (child) => (child as HTMLElement).dataset['halflingItem'] === item?.dataset['id'],
    );
    const target = part
      ? item?.querySelector<HTMLElement>(`[part="${part}"]`)
      : copy?.querySelector<HTMLElement>('a[href], button, [tabindex]');
    target?.focus();
  }
}

if (globalThis.customElements && !customElements.get('halfling-recommendations')) {
  customElements.define('halfling-recommendations', HalflingRecommendations);
}

declare global {
  interface HTMLElementTagNameMap {
    'halfling-recommendations': HalflingRecommendations;
  }
}
