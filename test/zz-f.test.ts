import { it } from 'vitest';
import { compile } from '../src/index.js';
import { temporaryFolder } from './compiler/support.js';
import { writeGated, type GatedSpec } from '../bench/networks/gated.js';
it('x', async () => {
  const specs: Record<string, GatedSpec> = {
    conv: { kind: 'conv', inputs: 32, width: 64, outputs: 32, size: 14, depth: 2, firing: { kind: 'modes', modes: 4, density: 0.25 } },
    dense: { kind: 'dense', inputs: 512, width: 1024, outputs: 512, depth: 2, firing: { kind: 'independent', density: 0.2 } },
  };
  for (const [name, spec] of Object.entries(specs)) {
  const m = await writeGated(spec, await temporaryFolder());
  const t=performance.now();
  const seen: string[] = [];
  const { report } = await compile({ model: m.path, calibration: m.calibration, mode: 'auto', dead: 'proved', tunedCosts: false, onProgress: (p) => { seen.push(`${p.stage}${p.done ?? ''}/${p.total ?? ''}@${(performance.now()-t).toFixed(0)}`); } });
  const target = report.targets[0];
  console.log(name, performance.now()-t, seen.slice(-12).join(' '), target?.mode, target?.modeReason, target?.latency);
  for (const r of target?.planning?.regions ?? []) { console.log(r.region, r.density, r.chosen, r.reason); for (const c of r.considered) console.log('   ', c.plan, c.predicted.toFixed(1), c.measured?.microseconds.toFixed(1), c.measured?.masks.toFixed(1), c.what); console.log(JSON.stringify(r.refused)); }
  console.log(target?.planning?.unplanned);
  }
});
