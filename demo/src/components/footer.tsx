import { HOW } from '../router';

export function Footer() {
  return (
    <footer class="footer">
      <p>
        A demonstration: nothing is sold. Titles and viewings are those of MovieLens-100k, which
        ends in 1998; the covers are drawn by the page. <a href={HOW}>How it works</a>
      </p>
    </footer>
  );
}
