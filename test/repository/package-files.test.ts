import { expect, it } from 'vitest';
import { packed } from './package-support.js';
it('x', async () => { const p = await packed(); console.log(p.packedBytes, p.unpackedBytes, p.home); expect(1).toBe(1); });
