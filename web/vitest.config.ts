import { defineConfig } from 'vitest/config';

export default defineConfig({
  define: { __BUILD_ID__: JSON.stringify('unit-test') },
  test: { include: ['test/**/*.test.ts'], typecheck: { enabled: false } },
});
