import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';

import { Browse } from './components/browse';
import { ForYou, type View } from './components/for-you';
import { Machine } from './components/machine';
import { Picks } from './components/picks';
import { TabBar, type Tab } from './components/tab-bar';
import { byPopularity, toFilm, type Film } from './films';
import { isSettled, recommenderOf, useModels, type Models } from './models';
import { useRankings } from './rankings';
import { useRequestCount } from './requests';

function useFilms(models: Models): { popular: readonly Film[]; films: ReadonlyMap<string, Film> } {
  const recommender = recommenderOf(models.half) ?? recommenderOf(models.original);
  const items = recommender?.items;
  return useMemo(() => {
    const popular = byPopularity((items ?? []).map(toFilm));
    return { popular, films: new Map(popular.map((film) => [film.id, film])) };
  }, [items]);
}

/** Fonts are requests too. */
function useFontsReady(): boolean {
  const [ready, setReady] = useState(false);
  useEffect(() => void document.fonts.ready.then(() => setReady(true)), []);
  return ready;
}

export function App() {
  const models = useModels();
  const { popular, films } = useFilms(models);
  const [picks, setPicks] = useState<readonly string[]>([]);
  const [view, setView] = useState<View>('half');
  const [tab, setTab] = useState<Tab>('films');
  const rankings = useRankings(models, picks);

  const toggle = useCallback((id: string) => {
    setPicks((all) => (all.includes(id) ? all.filter((other) => other !== id) : [...all, id]));
  }, []);
  const picked = useMemo(() => new Set(picks), [picks]);
  const pickedFilms = picks.flatMap((id) => films.get(id) ?? []);

  const shown = view === 'both' ? 'half' : view;
  const top = (rankings[shown]?.recommendations ?? []).flatMap(({ id }) => films.get(id) ?? []);
  const loaded = isSettled(models.half) && isSettled(models.original);
  const pageRequests = useRequestCount(useFontsReady() && loaded);
  const workerRequests = Object.values(rankings).reduce(
    (sum, ranking) => sum + (ranking.stats?.requestsSinceLoading ?? 0),
    0,
  );

  return (
    <div class="page" data-tab={tab} data-view={view}>
      <a class="skip visually-hidden" href="#your-list" onClick={() => setTab('list')}>
        Skip to your list
      </a>
      <header class="top">
        <h1>Halfling</h1>
        <p>Film picks by a language model that was halved to run right here, in your browser.</p>
      </header>
      <main class="main">
        <Machine
          models={models}
          rankings={rankings}
          shown={shown}
          requests={pageRequests === undefined ? undefined : pageRequests + workerRequests}
        />
        <Browse films={popular} picked={picked} onToggle={toggle} onPreset={setPicks} />
        <aside class="panel" id="your-list" aria-label="Your list" tabIndex={-1}>
          <Picks picks={pickedFilms} onRemove={toggle} onClear={() => setPicks([])} />
          <ForYou
            models={models}
            rankings={rankings}
            films={films}
            popular={popular}
            hasPicks={picks.length > 0}
            view={view}
            onView={setView}
            onPick={toggle}
          />
        </aside>
      </main>
      <TabBar
        tab={tab}
        onTab={setTab}
        numPicks={picks.length}
        top={picks.length > 0 ? top : popular}
      />
      <p class="visually-hidden" role="status">
        {top[0] && `List updated. First: ${top[0].title}.`}
      </p>
    </div>
  );
}
