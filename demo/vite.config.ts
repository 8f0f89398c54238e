import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { defineConfig, type Plugin } from 'vite';

const demoDir = dirname(fileURLToPath(import.meta.url));
const MODELS = ['movielens-half', 'movielens-original'];

// What the built page may do. The development server needs more (it injects inline styles).
const POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Serves the models from where the build left them; they are never copied into the sources. */
function linkModels(): Plugin {
  return {
    name: 'link-models',
    config() {
      const links = join(demoDir, 'public/models');
      mkdirSync(links, { recursive: true });
      for (const name of MODELS) {
        const model = join(demoDir, '../build/models', name);
        if (!existsSync(join(model, 'manifest.json'))) {
          throw new Error(
            `${model} is missing: \`npm run demo\` in the repository's root makes it.`,
          );
        }
        rmSync(join(links, name), { recursive: true, force: true });
        symlinkSync(model, join(links, name));
      }
    },
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

export default defineConfig({
  base: './',
  plugins: [linkModels(), contentSecurityPolicy()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // data: URLs would need an exception in the policy
    modulePreload: { polyfill: false },
  },
  // The page's own address is in the policy; a worker's policy comes with its own response.
  preview: { headers: { 'Content-Security-Policy': POLICY } },
});
