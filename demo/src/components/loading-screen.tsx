import { formatBytes } from '../format';
import type { ModelState } from '../models';

interface Props {
  readonly model: ModelState;
  readonly onRetry: () => void;
}

export function LoadingScreen({ model, onRetry }: Props) {
  return (
    <main class="loading-screen">
      <h1 class="brand" tabIndex={-1}>
        Halfling
      </h1>
      {model.status === 'failed' ? (
        <div class="failure" role="alert">
          <p>Could not load the recommender: {model.message}</p>
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        </div>
      ) : (
        <Progress model={model} />
      )}
    </main>
  );
}

function Progress({ model }: Pick<Props, 'model'>) {
  const progress = model.status === 'loading' ? model.progress : undefined;
  return (
    <>
      <p>
        A film shop whose recommender moves in with you. It is downloaded once; then it works on
        this device alone.
      </p>
      <label class="progress">
        Loading the recommender
        <progress {...(progress && { value: progress.loadedBytes, max: progress.totalBytes })} />
        <span class="progress-bytes">
          {progress
            ? `${formatBytes(progress.loadedBytes)} of ${formatBytes(progress.totalBytes)}`
            : 'starting'}
        </span>
      </label>
    </>
  );
}
