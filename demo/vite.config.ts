import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { defineConfig, type Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

const demoDir = dirname(fileURLToPath(import.meta.url));
const MODELS = ['movielens-half', 'movielens-original'];
/** Only where somebody has made them (docs/language-model.md); the shop then offers the choice. */
const LANGUAGE_MODELS = ['movielens-smollm2-half', 'movielens-smollm2-original'];
const modelOf = (name: string) => join(demoDir, '../build/models', name);
const isMade = (name: string) => existsSync(join(modelOf(name), 'manifest.json'));

// What the built page may do. The development server needs more (it injects inline styles).
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "img-src 'self' data:", // the favicon
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Serves the models from where the build left them; they are never copied into the sources. */
function linkModels(): Plugin {
  return {
    name: 'link-models',
    config(_config, { isPreview }) {
      if (isPreview) return; // the build has a copy of its own
      const links = join(demoDir, 'public/models');
      mkdirSync(links, { recursive: true });
      const missing = MODELS.find((name) => !isMade(name));
      if (missing) {
        throw new Error(
          `${modelOf(missing)} is missing: \`npm run demo\` in the repository's root makes it.`,
        );
      }
      for (const name of [...MODELS, ...LANGUAGE_MODELS]) {
        rmSync(join(links, name), { recursive: true, force: true });
        if (isMade(name)) symlinkSync(modelOf(name), join(links, name));
      }
    },
    transformIndexHtml: () =>
      LANGUAGE_MODELS.every(isMade)
        ? [{ tag: 'meta', attrs: { name: 'has-language-model' }, injectTo: 'head' }]
        : [],
  };
}

function contentSecurityPolicy(): Plugin {
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY },
        injectTo: 'head-prepend',
      },
    ],
  };
}

const pwa = VitePWA({
  registerType: 'prompt', // a visitor's page is never loaded again under their hands
  injectRegister: false, // src/offline.ts does
  manifest: {
    id: '/halfling-films',
    name: 'Halfling films',
    short_name: 'Halfling',
    description: 'A film shop whose recommender runs on your device. Nothing is sent.',
    display: 'standalone',
    background_color: '#f5efe4',
    theme_color: '#1d1a24',
    icons: [
      { src: 'icons/icon.svg', sizes: 'any', type: 'image/svg+xml' },
      { src: 'icons/192.png', sizes: '192x192', type: 'image/png' },
      { src: 'icons/512.png', sizes: '512x512', type: 'image/png' },
      { src: 'icons/maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
    ],
  },
  workbox: {
    // The shop and the engine without threads, which does offline what it cannot do with them. The
    // models are stored by the package, and only there.
    globPatterns: ['**/*.{html,js,css,woff2,wasm,svg}'],
    globIgnores: ['models/**', '**/*-threads*'],
    clientsClaim: true, // so that the first visit, too, may go on offline
    inlineWorkboxRuntime: true,
    sourcemap: false,
  },
});

export default defineConfig({
  base: './',
  plugins: [linkModels(), contentSecurityPolicy(), pwa],
  // The package's hook is written for React; Preact is its smaller twin.
  resolve: { alias: { react: 'preact/compat' } },
  optimizeDeps: { exclude: ['halfling'] },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // data: URLs would need an exception in the policy
    modulePreload: { polyfill: false },
  },
  // The page's own address is in the policy; a worker's policy comes with its own response.
  preview: { headers: { 'Content-Security-Policy': POLICY } },
});
