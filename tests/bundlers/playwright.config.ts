import base from '../browser/playwright.config';

export default { ...base, testDir: '.', outputDir: '../../build/test-results-bundlers' };
