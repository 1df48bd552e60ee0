import { afterAll } from 'vitest';
import { cleanUp } from './cleanups.ts';

// Vitest runs this again for each test file.
afterAll(cleanUp);
