import { focusHeading } from '../focus';
import { plural } from '../format';
import { countRequests, type Requests } from '../requests';
import { CART, HOME, HOW, searchUrl, type Route } from '../router';
import { useShop } from '../shop';
import { CartIcon, HomeIcon, HowIcon, SearchIcon, ShieldIcon } from './icons';
import { SearchField } from './search-field';

interface Props {
  readonly route: Route;
  /** Made since loading; undefined while loading. */
  readonly requests: Requests | undefined;
}

function skipToContent(event: Event): void {
  event.preventDefault(); // the hash is the router's
  focusHeading({});
}

export function Header({ route, requests }: Props) {
  const { cart, openPrivacy } = useShop();
  const current = (page: Route['page']) => (route.page === page ? ('page' as const) : undefined);
  return (
    <header class="header">
      <a class="skip visually-hidden" href="#main" onClick={skipToContent}>
        Skip to the content
      </a>
      <a class="brand" href={HOME} aria-label="Halfling, home">
        Halfling
      </a>
      <SearchField route={route} />
      <nav class="nav" aria-label="Shop">
        <a class="nav-home" href={HOME} aria-current={current('home')}>
          <HomeIcon />
          Home
        </a>
        <a href={searchUrl('')} aria-current={current('search')}>
          <SearchIcon />
          Browse
        </a>
        <a href={HOW} aria-current={current('how')}>
          <HowIcon />
          <span>
            How<span class="wide-only"> it works</span>
          </span>
        </a>
        <a href={CART} aria-current={current('cart')}>
          <CartIcon />
          Cart
          {cart.ids.length > 0 && (
            <span class="count">
              {cart.ids.length}
              <span class="visually-hidden"> in it</span>
            </span>
          )}
        </a>
        <button type="button" aria-haspopup="dialog" onClick={openPrivacy}>
          <ShieldIcon />
          Privacy
          {requests && (
            <span class="sent" title="Since the shop was loaded">
              {plural(countRequests(requests), 'request')}
            </span>
          )}
        </button>
      </nav>
    </header>
  );
}
