import { useState } from 'preact/hooks';

import { FamilyChoice } from '../components/family-choice';
import { ModelTable } from '../components/model-table';
import { Presets } from '../components/presets';
import { SideBySide } from '../components/side-by-side';
import { useComparison } from '../comparison';
import { formatBytes } from '../format';
import { useShop } from '../shop';
import { seenItems } from '../visitor';

export function HowPage() {
  const { recommender, films } = useShop();
  const { info } = recommender;
  return (
    <>
      <h1 class="page-title" tabIndex={-1}>
        How it works
      </h1>
      <ol class="steps">
        <li>
          <h2>Trained as a language</h2>
          <p>
            Each of {films.length.toLocaleString('en')} films is a short code of tokens. A small
            language model has read who watched what after what, and completes your history as
            others complete a sentence.
          </p>
        </li>
        <li>
          <h2>Halved</h2>
          <p>
            Its matrices became products of thinner ones in int8, at the ranks where that costs
            least: {formatBytes(info.modelBytes)} are left. What that changes, the lists and the
            table below show.
          </p>
        </li>
        <li>
          <h2>Moved in</h2>
          <p>
            A C++ engine of {formatBytes(info.wasmBytes)}, in WebAssembly with {info.simd} SIMD
            {info.threads > 1 && ` and ${info.threads} threads`}, ranks the whole catalogue in a
            worker of this page. Cut the network and go on.
          </p>
        </li>
      </ol>
      <Compare />
    </>
  );
}

function Compare() {
  const { models, events, filmOf } = useShop();
  const [example, setExample] = useState<readonly string[]>();
  const own = seenItems(events);
  const history = example ?? own;
  const comparison = useComparison(models, history);
  const titles = history.flatMap((id) => filmOf(id)?.title ?? []);
  return (
    <section class="compare" aria-labelledby="compare">
      <h2 id="compare">Original against halved</h2>
      <FamilyChoice />
      <Presets label="Ask both after:" onChoose={setExample}>
        {own.length > 0 && (
          <button
            type="button"
            class="chip"
            aria-pressed={!example}
            onClick={() => setExample(undefined)}
          >
            What I viewed
          </button>
        )}
      </Presets>
      <p class="note" role="status">
        {titles.length > 0
          ? `After ${titles.slice(-4).join(', ')}${titles.length > 4 ? ` and ${titles.length - 4} before` : ''}:`
          : 'Choose an example, or look at a film first.'}
      </p>
      {history.length > 0 && <SideBySide models={models} comparison={comparison} />}
      <ModelTable models={models} comparison={comparison} />
    </section>
  );
}
