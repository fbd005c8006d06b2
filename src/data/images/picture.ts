/** A decoded image: rows from the top, pixels from the left, channels last; 8 bits a channel, or 16. */
export interface Picture {
  readonly height: number;
  readonly width: number;
  /** 1: grey, 2: grey and alpha, 3: red, green, blue, 4: with alpha. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array | Uint16Array;
}

/** What the beginning of an image file tells of it. */
export interface PictureHeader {
  readonly format: 'png' | 'jpeg';
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 2 | 3 | 4;
  /** The turn that a camera noted (Exif): 1 is none. */
  readonly orientation: number;
}

/**
 * Grey of red, green and blue: luma as in ITU-R BT.601, with the weights in thousandths, so that the grey of a grey pixel is
 * exactly its value.
 */
export function luma(red: number, green: number, blue: number): number {
  return (299 * red + 587 * green + 114 * blue) / 1000;
}

/**
 * The channels that a sample has, 0 to 255, as float32. Alpha is left out where it is not wanted (nothing is blended) and opaque where the image
 * has none. Values of 16 bits are divided by 257, which takes the greatest to 255.
 */
export function toChannels({ height, width, channels, data }: Picture, wanted: 1 | 3 | 4): Float32Array {
  const unit = data instanceof Uint16Array ? 257 : 1;
  const result = new Float32Array(height * width * wanted);
  const isGrey = channels < 3;
  const hasAlpha = channels === 2 || channels === 4;
  for (let pixel = 0, from = 0, to = 0; pixel < height * width; pixel++, from += channels, to += wanted) {
    const red = data[from] ?? 0;
    const green = isGrey ? red : (data[from + 1] ?? 0);
    const blue = isGrey ? red : (data[from + 2] ?? 0);
    if (wanted === 1) {
      result[to] = (isGrey ? red : luma(red, green, blue)) / unit;
      continue;
    }
    result[to] = red / unit;
    result[to + 1] = green / unit;
    result[to + 2] = blue / unit;
    if (wanted === 4) result[to + 3] = hasAlpha ? (data[from + channels - 1] ?? 0) / unit : 255;
  }
  return result;
}
