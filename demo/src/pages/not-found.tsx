import { PopularShelf } from '../components/shelves';

export function NotFound() {
  return (
    <>
      <h1 class="page-title" tabIndex={-1}>
        We do not have this film
      </h1>
      <PopularShelf />
    </>
  );
}
