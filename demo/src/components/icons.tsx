// Line icons of 24 units. Decoration only: the text beside them says what they mean.

import type { ComponentChildren } from 'preact';

function Icon({ children }: { readonly children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const HomeIcon = () => (
  <Icon>
    <path d="M4 11.5 12 4l8 7.500M6.500 10v9.500h11V10" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon>
    <circle cx="10.5" cy="10.5" r="6" />
    <path d="m15 15 5 5" />
  </Icon>
);
export const HowIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.500" />
    <path d="M12 3.500v17" />
    <path d="M12 3.500a8.500 8.500 0 0 0 0 17Z" class="icon-solid" />
  </Icon>
);
export const CartIcon = () => (
  <Icon>
    <path d="M3 5h2.500l2.200 10.500h9.600L19.500 8H6.200" />
    <circle cx="9" cy="19.500" r="1.200" />
    <circle cx="16" cy="19.500" r="1.200" />
  </Icon>
);
export const ShieldIcon = () => (
  <Icon>
    <path d="M12 3.500 5 6v5.500c0 4.300 2.900 7.300 7 9 4.100-1.700 7-4.700 7-9V6Z" />
    <path d="m9 12 2.200 2.200L15.200 10" />
  </Icon>
);
export const HeartIcon = () => (
  <Icon>
    <path d="M12 20S4 15 4 9.300A4.300 4.300 0 0 1 12 7a4.300 4.300 0 0 1 8 2.300C20 15 12 20 12 20Z" />
  </Icon>
);
export const CrossIcon = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);
export const ArrowIcon = () => (
  <Icon>
    <path d="m9 5 7 7-7 7" />
  </Icon>
);
