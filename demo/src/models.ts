// The two models of the page, each in a recommender of its own. The halved one is loaded first, so
// that the page is of use soon; then the original, so that no request is left for later.

import { createRecommender, HalflingError, type LoadProgress, type Recommender } from 'halfling';
import { useEffect, useState } from 'preact/hooks';

export type ModelKey = 'half' | 'original';

export const MODEL_KEYS: readonly ModelKey[] = ['half', 'original'];
export const MODEL_NAMES: Readonly<Record<ModelKey, string>> = {
  half: 'Halved',
  original: 'Original',
};

export type ModelState =
  | { readonly status: 'waiting' }
  | { readonly status: 'loading'; readonly progress: LoadProgress | undefined }
  | { readonly status: 'ready'; readonly recommender: Recommender }
  | { readonly status: 'failed'; readonly message: string };

export type Models = Readonly<Record<ModelKey, ModelState>>;

export function recommenderOf(model: ModelState): Recommender | undefined {
  return model.status === 'ready' ? model.recommender : undefined;
}

export function isSettled(model: ModelState): boolean {
  return model.status === 'ready' || model.status === 'failed';
}

export function messageOf(error: unknown): string {
  if (error instanceof HalflingError) return `${error.message} (${error.code})`;
  return error instanceof Error ? error.message : String(error);
}

export function useModels(): Models {
  const [models, setModels] = useState<Models>({
    half: { status: 'loading', progress: undefined },
    original: { status: 'waiting' },
  });

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
          model: new URL(`models/movielens-${key}/`, document.baseURI),
          signal: stop.signal,
          onProgress: (progress) => set({ status: 'loading', progress }),
        });
        loaded.push(recommender);
        set({ status: 'ready', recommender });
      } catch (error) {
        set({ status: 'failed', message: messageOf(error) });
      }
    };

    void (async () => {
      for (const key of MODEL_KEYS) await load(key);
    })();
    return () => {
      stop.abort();
      for (const recommender of loaded) recommender.dispose();
    };
  }, []);

  return models;
}
