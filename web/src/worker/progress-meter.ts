import type { Report } from '../protocol.js';

/** Turns bytes as they arrive into progress, at most a hundred reports and one at the end. */
export class ProgressMeter {
  #loaded = 0;
  #reported = 0;

  constructor(
    readonly total: number,
    readonly report: Report,
  ) {}

  add(bytes: number): void {
    this.#loaded += bytes;
    if (Math.abs(this.#loaded - this.#reported) * 100 < this.total) return;
    this.#reported = this.#loaded;
    void this.report({ loadedBytes: this.#loaded, totalBytes: this.total });
  }

  async finish(): Promise<void> {
    await this.report({ loadedBytes: this.total, totalBytes: this.total });
  }
}
