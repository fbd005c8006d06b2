/** What the errors of the file system mean to a user, by their code. */
const sentences: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EISDIR', 'this is a folder, not a file'],
  ['ENOTDIR', 'a part of this path is a file, not a folder'],
  ['EEXIST', 'there is something of this name already'],
  ['ENOTEMPTY', 'this is a folder that is not empty'],
  ['EACCES', 'permission is denied'],
  ['EPERM', 'permission is denied'],
  ['EROFS', 'this file system can only be read'],
  ['ENOSPC', 'no space is left on the disk'],
  ['EFBIG', 'the file would be larger than it may be here'],
  ['EDQUOT', 'the quota of disk space is used up'],
  ['ENAMETOOLONG', 'this name is too long'],
  ['ELOOP', 'its symbolic links lead around in a circle'],
  ['EMFILE', 'too many files are open'],
  ['ENFILE', 'too many files are open'],
]);

/** Says in plain words why a file could not be read or written; of errors it does not know, their own message. */
export function fileErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return sentences.get(code) ?? error.message;
}
