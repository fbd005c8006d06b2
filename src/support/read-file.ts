import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * The content of a file that should be of moderate size. Only regular files are read, and no more of them than `most` bytes:
 * devices and pipes have no end.
 * @throws Error that `fileErrorText` puts into words.
 */
export async function readFileUpTo(path: string, most: number): Promise<Buffer> {
  // Opening a pipe that nobody writes to would wait.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw Object.assign(new Error('this is a folder'), { code: 'EISDIR' });
    if (!stats.isFile()) throw new Error('this is not a file');
    if (stats.size > most) throw new Error(`${stats.size} bytes are too many: at most ${most} are read`);
    const content = Buffer.alloc(stats.size);
    let done = 0;
    while (done < content.length) {
      const { bytesRead } = await file.read(content, done, content.length - done, done);
      if (bytesRead === 0) throw new Error('it got shorter while it was read');
      done += bytesRead;
    }
    return content;
  } finally {
    await file.close();
  }
}
