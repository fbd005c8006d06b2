import pc from 'picocolors';

/** Functions that put colour around text, or that give it back as it is. */
export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(enabled: boolean): Colors {
  return pc.createColors(enabled);
}
