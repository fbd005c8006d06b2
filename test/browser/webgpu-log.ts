/**
 * What ONNX Runtime's verbose log says of a session of its WebGPU provider: where nodes were placed, which copies between
 * host and device were put in, and which programs a run started. The formats are those of onnxruntime-web 1.30; a log
 * without placements is an error, so that another version cannot pass for one where nothing is on the host.
 *
 * The interface of this file and of `webgpu-page.ts` is stable: tests of other parts build on it.
 */

/** A node as the session runs it, after the engine's own rewriting; `MemcpyFromHost` and `MemcpyToHost` are copies. */
export interface PlacedNode {
  readonly operator: string;
  readonly name: string;
}

export interface Placements {
  /** Nodes of both providers, copies among them. */
  readonly deviceCount: number;
  readonly hostCount: number;
  /** Nodes that compute on the device. The log lists nodes of a graph only where some are elsewhere than others. */
  readonly device: readonly PlacedNode[];
  /** Nodes that compute on the processor, the same; none where `hostCount` is 0. */
  readonly host: readonly PlacedNode[];
  /** Copies from the device to the host and back, nested graphs included. */
  readonly toHost: readonly PlacedNode[];
  readonly fromHost: readonly PlacedNode[];
}

/** A kernel that was dispatched: its name, and its whole key (name, layout, types, workgroup). */
export interface Program {
  readonly name: string;
  readonly key: string;
}

const onOne = /All nodes placed on \[(\w+)\]\. Number of nodes: (\d+)/;
const onSeveral = /Node\(s\) placed on \[(\w+)\]\. Number of nodes: (\d+)/;
const nodeLine = /VerifyEachNodeIsAssignedToAnEp\]\s+(\S+) \((.*)\)\s*$/;
const programLine = /Starting program "([^"]*)"/;

const isPlacement = (line: string): boolean => line.includes('VerifyEachNodeIsAssignedToAnEp');

/** True for the log of a session that came so far as to place nodes. */
export function hasPlacements(lines: readonly string[]): boolean {
  return lines.some(isPlacement);
}

/**
 * Placements of the one session that the lines are of, nested graphs included.
 * @throws Error if the log has none.
 */
export function placementsOf(lines: readonly string[]): Placements {
  const found = lines.filter(isPlacement);
  const nodes: Record<'device' | 'host', PlacedNode[]> = { device: [], host: [] };
  const counts = { device: 0, host: 0 };
  let current: 'device' | 'host' | undefined;
  for (const line of found) {
    const [, provider, count] = onOne.exec(line) ?? onSeveral.exec(line) ?? [];
    if (provider !== undefined) {
      current = provider === 'WebGpuExecutionProvider' ? 'device' : 'host';
      counts[current] += Number(count);
      continue;
    }
    const [, operator, name] = nodeLine.exec(line) ?? [];
    if (operator !== undefined && name !== undefined && current !== undefined) nodes[current].push({ operator, name });
  }
  // Of a graph in which nothing is left to run, the log has this first line alone.
  if (found.length === 0) throw new Error('the log of the session has no placements of nodes');
  const copies = (operator: string): PlacedNode[] =>
    [...nodes.device, ...nodes.host].filter((node) => node.operator === operator);
  const computing = (list: readonly PlacedNode[]): PlacedNode[] =>
    list.filter(({ operator }) => !operator.startsWith('Memcpy'));
  const [toHost, fromHost] = [copies('MemcpyToHost'), copies('MemcpyFromHost')];
  return {
    deviceCount: counts.device,
    hostCount: counts.host,
    device: computing(nodes.device),
    host: computing(nodes.host),
    toHost,
    fromHost,
  };
}

/** Programs that were started, in order. */
export function programsOf(lines: readonly string[]): Program[] {
  return lines.flatMap((line) => {
    const key = programLine.exec(line)?.[1];
    return key === undefined ? [] : [{ name: /^\w*/.exec(key)?.[0] ?? key, key }];
  });
}

/** How many there are of each name, most first: for messages and tables. */
export function countNames(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .toSorted(([, left], [, right]) => right - left)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
