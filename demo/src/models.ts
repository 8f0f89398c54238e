// The two models of the shop, each in a recommender of its own. The halved one serves the shop and is
// loaded first; then the original, to compare with, so that no request is left for later. Where a
// build has them, a language model, halved too, and its original may take their places.

import {
  createRecommender,
  HalflingError,
  type HistoryEvent,
  type LoadProgress,
  type Recommender,
} from 'halfling';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export type ModelKey = 'half' | 'original';

export const MODEL_KEYS: readonly ModelKey[] = ['half', 'original'];
/** Where the two are shown beside each other: before and after. */
export const MODEL_COLUMNS: readonly ModelKey[] = ['original', 'half'];
export const MODEL_NAMES: Readonly<Record<ModelKey, string>> = {
  half: 'Halved',
  original: 'Original',
};

export type Family = 'small' | 'language';

const FOLDERS: Readonly<Record<Family, string>> = {
  small: 'movielens',
  language: 'movielens-smollm2',
};
export const FAMILY_NAMES: Readonly<Record<Family, string>> = {
  small: 'Made for the page',
  language: 'Language model (SmolLM2)',
};
/** As vite.config.ts found the files when it built the shop. */
export const HAS_LANGUAGE_MODEL = document.querySelector('meta[name="has-language-model"]') !== null;

export type ModelState =
  | { readonly status: 'waiting' }
  | { readonly status: 'loading'; readonly progress: LoadProgress | undefined }
  | { readonly status: 'ready'; readonly recommender: Recommender }
  | { readonly status: 'failed'; readonly message: string };

export type Models = Readonly<Record<ModelKey, ModelState>>;

export function recommenderOf(model: ModelState): Recommender | undefined {
  return model.status === 'ready' ? model.recommender : undefined;
}

export function isSettled(models: Models): boolean {
  return MODEL_KEYS.every((key) => ['ready', 'failed'].includes(models[key].status));
}

export function messageOf(error: unknown): string {
  if (error instanceof HalflingError) return `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}

const START: Models = {
  half: { status: 'loading', progress: undefined },
  original: { status: 'waiting' },
};

export function useModels(family: Family): { models: Models; retry: () => void } {
  const [models, setModels] = useState(START);
  const [attempt, setAttempt] = useState(0);
  const events = useRef<readonly HistoryEvent[]>([]);

  useEffect(() => {
    const stop = new AbortController();
    const loaded: Recommender[] = [];

    const load = async (key: ModelKey) => {
      const set = (state: ModelState) => {
        if (!stop.signal.aborted) setModels((all) => ({ ...all, [key]: state }));
      };
      set({ status: 'loading', progress: undefined });
      try {
        const recommender = await createRecommender({
          model: new URL(`models/${FOLDERS[family]}-${key}/`, document.baseURI),
          // The visitor's history belongs to the halved one; the other is given it call by call.
          ...(key === 'original' && { history: { name: 'halfling-original' } }),
          signal: stop.signal,
          onProgress: (progress) => set({ status: 'loading', progress }),
        });
        loaded.push(recommender);
        if (key === 'half') {
          // Without consent the page's memory alone has it. With it, another tab may have erased it.
          if (!recommender.consent) await recommender.importHistory({ events: events.current });
          events.current = recommender.getHistory(); // what an earlier visit stored is among them
          recommender.on('history', (all) => (events.current = all));
        }
        recommender.on('close', (error) => set({ status: 'failed', message: messageOf(error) }));
        set({ status: 'ready', recommender });
      } catch (error) {
        set({ status: 'failed', message: messageOf(error) });
      }
    };

    setModels(START);
    void (async () => {
      for (const key of MODEL_KEYS) await load(key);
    })();
    return () => {
      stop.abort();
      for (const recommender of loaded) recommender.dispose();
    };
  }, [family, attempt]);

  const retry = useCallback(() => setAttempt((count) => count + 1), []);
  return { models, retry };
}
