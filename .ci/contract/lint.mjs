// Lints an OpenAPI document by Redocly's recommended rules; one that only warns counts too.
//
//     node lint.mjs DOCUMENT
//
// The library, not the program of the same rules: that one brings ten times as many packages, and tells its makers
// of every run.

import { formatProblems, getTotals, lint, loadConfig } from '@redocly/openapi-core';

// Rules that are switched off, each with its reason: none.
const rules = {};

const config = await loadConfig({ customExtends: ['recommended'] });
config.styleguide.rules.oas3_0 = { ...config.styleguide.rules.oas3_0, ...rules };
const strict = Object.values(config.styleguide.rules.oas3_0).filter((rule) => rule !== 'off');
const problems = await lint({ ref: process.argv[2], config });
const totals = getTotals(problems);
formatProblems(problems, { format: 'codeframe', totals, version: '' });
console.log(`${strict.length} rules, ${totals.errors} errors, ${totals.warnings} warnings`);
process.exitCode = strict.length >= 20 && problems.length === 0 ? 0 : 1;
