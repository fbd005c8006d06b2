/** Thrown by a command that went well and has told all, but ends with another exit code than 0. */
export class Outcome extends Error {
  constructor(readonly exitCode: number) {
    super(`exit code ${exitCode}`);
    this.name = 'Outcome';
  }
}
