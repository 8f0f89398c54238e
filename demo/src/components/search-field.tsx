import { replaceUrl, searchUrl, type Route } from '../router';
import { useShop } from '../shop';
import { SearchIcon } from './icons';

export function SearchField({ route }: { readonly route: Route }) {
  const { films } = useShop();
  const isSearching = route.page === 'search';
  const search = (query: string) => {
    if (isSearching) replaceUrl(searchUrl(query, route.genre));
    else location.hash = searchUrl(query);
  };
  return (
    <form class="search" role="search" onSubmit={(event) => event.preventDefault()}>
      <SearchIcon />
      <input
        type="search"
        aria-label="Search the films by title or year"
        placeholder={`Search ${films.length.toLocaleString('en')} films`}
        value={isSearching ? route.query : ''}
        onInput={(event) => search(event.currentTarget.value)}
      />
    </form>
  );
}
