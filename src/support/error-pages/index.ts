import { dataPages } from './data.js';
import { modelsPages } from './models.js';
import { moreModelsPages } from './more-models.js';
import type { ErrorPages } from './page.js';
import { usagePages } from './usage.js';
import { verificationPages } from './verification.js';

/** What is told of every error. Loaded where it is read: errors themselves carry a code and what is wrong. */
export const errorPages: ErrorPages = {
  ...usagePages,
  ...modelsPages,
  ...moreModelsPages,
  ...dataPages,
  ...verificationPages,
};
