/**
 * How the origin of a node, the layer it came from, survives in an ONNX file, whose nodes have but a name. A node is
 * written as `<origin>/<operator>_<number>`, the number making it unique in the file; without an origin it starts with
 * the slash. That is what profilers and viewers show, and what exporters that trace modules write, too.
 */

export function nodeName(origin: string | undefined, op: string, index: number): string {
  return `${origin ?? ''}/${op}_${index}`;
}

/** The origin in a node's name: what stands before `/<operator>_<number>`, else the whole name. */
export function originOf(name: string, op: string): string | undefined {
  const slash = name.lastIndexOf('/');
  const last = name.slice(slash + 1);
  const ours = slash >= 0 && last.startsWith(`${op}_`) && /^[0-9]+$/.test(last.slice(op.length + 1));
  const origin = ours ? name.slice(0, slash) : name;
  return origin === '' ? undefined : origin;
}

/** The name of the model-local function for an operator of ours: numbered from the second definition on. */
export function functionName(op: string, index: number): string {
  return index === 0 ? op : `${op}_${index + 1}`;
}

/** The operator that {@link functionName} made a function's name of. */
export function operatorOfFunction(name: string): string {
  return name.replace(/_[0-9]+$/, '');
}
