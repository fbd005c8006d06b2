import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // No test depends on time; these limits only end one that hangs, also on a slow machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Costs that were measured on this machine would change what is planned.
    env: { XDG_CACHE_HOME: fileURLToPath(new URL('out/no-cache', import.meta.url)) },
    // The modules that tfjs-layers ships beside its bundle cannot be imported by Node itself: no extensions in imports.
    server: { deps: { inline: [/tfjs-layers\/dist\//] } },
  },
});
