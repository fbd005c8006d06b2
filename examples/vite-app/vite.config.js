import swanc from 'swanc/plugin/vite';
import { defineConfig } from 'vite';

export default defineConfig({
  // Paths in the output are relative: it can be put anywhere.
  base: './',
  build: { target: 'es2022' },
  plugins: [swanc({ types: 'src/models.d.ts' })],
});
