import { defineConfig } from 'vite';

export default defineConfig({
  esbuild: { jsx: 'automatic' },
  // Vite's development server would bundle the package and so lose its worker.
  optimizeDeps: { exclude: ['halfling'] },
  build: { target: 'es2022', assetsInlineLimit: 0 },
});
