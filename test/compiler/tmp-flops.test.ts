import { it } from 'vitest';
import { type GatedSpec, writeGated } from '../../bench/networks/gated.js';
import { collectProfile } from '../../src/compiler/collect-profile.js';
import { dynamicForms } from '../../src/compiler/compile-forms.js';
import { passContext } from '../../src/compiler/context.js';
import { compileForm, reduced, settled, sizeOfGraph } from '../../src/compiler/forms.js';
import { openSamples } from '../../src/compiler/samples.js';
import { openWithOriginal } from '../../src/compiler/source.js';
import { openRuntime } from '../../src/runtime/session.js';
import { temporaryFolder } from './support.js';

const runtime = await openRuntime();
const specs: GatedSpec[] = [
  { kind: 'conv', inputs: 8, width: 64, outputs: 8, size: 6, depth: 2, firing: { kind: 'modes', modes: 3, density: 0.25 } },
  { kind: 'dense', inputs: 32, width: 128, outputs: 32, depth: 2, firing: { kind: 'independent', density: 0.3 } },
  { kind: 'conv', inputs: 16, width: 48, outputs: 16, size: 5, structure: 'residual', firing: { kind: 'modes', modes: 3, density: 0.25 } },
];
it('x', async () => {
  for (const spec of specs) for (const batch of [1, 3]) {
    const model = await writeGated(spec, await temporaryFolder(), 64);
    const bare = passContext(runtime, { dead: 'proved' });
    const source = await openWithOriginal(model.path, bare, {});
    const data = await openSamples(model.calibration, source);
    const profile = await collectProfile(source, data, runtime, {});
    const context = { ...bare, profile, batch };
    const compact = await settled(await reduced(source.prepared, context), context);
    const dense = await compileForm('dense', compact, context);
    console.log(spec.kind, batch, 'dense', sizeOfGraph(dense.graph));
    const dynamic = await dynamicForms(compact, context);
    const { regions = [] } = await dynamic.regions();
    for (const { region, considered } of regions) for (const { plan } of considered.slice(1)) {
      const form = await dynamic.compile(new Map([[region, plan]]), false);
      console.log('   ', region, plan, sizeOfGraph(form.graph));
    }
  }
});
