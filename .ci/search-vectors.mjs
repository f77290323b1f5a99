// Writes words of 40 languages in the order of ICU, and titles in scripts without spaces. Needs Node with full ICU only:
//
//     node search-vectors.mjs FOLDER           writes collation.tsv and titles.tsv
//     node search-vectors.mjs FOLDER --check   fails if they differ from what this Node would write
//     node search-vectors.mjs FOLDER --order   fails if this Node, with any ICU, puts the words in another order
//
// All texts are names of countries, languages, currencies, scripts, months and days from CLDR (Unicode license).
//
// collation.tsv: rank, language, word. Words with the same rank are equal at the primary level of the root collation; a
// higher rank sorts behind. titles.tsv: language, title.

import { readFileSync, writeFileSync } from "node:fs";

const LANGUAGES = [
  "af", "ar", "bg", "bn", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "hy",
  "is", "it", "ja", "ka", "km", "ko", "lo", "lt", "lv", "my", "nb", "nl", "pl", "pt", "ro", "ru", "sv", "ta", "th",
  "tr", "uk", "vi", "zh",
];
const WORDS = 5000;
const TITLES = 500;
const UNSPACED = new Set(["ja", "km", "lo", "my", "th", "zh"]);

// The root collation is that of English. "base" is the primary level; punctuation counts.
const collator = new Intl.Collator("en", { sensitivity: "base", ignorePunctuation: false });

const codes = (type) => Intl.supportedValuesOf(type);
const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const regions = letters.flatMap((a) => letters.map((b) => a + b));
const languages = regions.map((code) => code.toLowerCase());
const scripts = ["Arab", "Armn", "Beng", "Cyrl", "Deva", "Ethi", "Geor", "Grek", "Hans", "Hant", "Hebr", "Hira", "Jpan",
  "Kana", "Khmr", "Kore", "Laoo", "Latn", "Mymr", "Sinh", "Taml", "Telu", "Thai", "Tibt"];

// Returns the names that a language has of its own.
function names(language) {
  const found = [];
  const display = (type, codes) => {
    const names = new Intl.DisplayNames(language, { type, fallback: "none" });
    found.push(...codes.map((code) => names.of(code)).filter(Boolean));
  };
  for (let month = 0; month < 12; month += 1) {
    const format = { month: "long", weekday: "long", timeZone: "UTC" };
    const parts = new Intl.DateTimeFormat(language, format).formatToParts(Date.UTC(2024, month, month + 1));
    found.push(...parts.filter(({ type }) => type !== "literal").map(({ value }) => value));
  }
  display("region", regions);
  display("script", scripts);
  display("language", languages);
  display("currency", codes("currency"));
  return found;
}

// Returns some of a list, evenly spread.
function some(list, count) {
  const step = Math.max(1, list.length / count);
  return Array.from({ length: Math.min(count, list.length) }, (_, i) => list[Math.floor(i * step)]);
}

function words(language) {
  const split = (name) =>
    UNSPACED.has(language) ? [name] : name.match(/[\p{L}\p{M}\p{N}\u00B7\u200C\u200D]+/gu) ?? [];
  const all = [...new Set(names(language).flatMap(split))].filter((word) => word.length > 1);
  const base = some(all, 100);
  // The same words as others type them.
  const variants = base.flatMap((word) => [
    word.toUpperCase(),
    word.normalize("NFD").replace(/[\u0300-\u036F]/g, ""),
    word.normalize("NFD"),
    word.replace(/[!-~]/g, (c) => String.fromCodePoint(c.codePointAt(0) + 0xFEE0)),
  ]);
  const others = [...new Set(variants)].filter((word) => !base.includes(word));
  return [...base, ...some(others, 40)].map((word) => ({ language, word }));
}

function ranked() {
  const all = LANGUAGES.flatMap(words);
  const list = some(all, WORDS);
  const compare = (a, b) => collator.compare(a.word, b.word);
  const byCode = (a, b) => (a.word < b.word ? -1 : Number(a.word > b.word)) || (a.language < b.language ? -1 : 1);
  list.sort((a, b) => compare(a, b) || byCode(a, b));
  let rank = 0;
  return list.map((item, i) => {
    rank += Number(i > 0 && compare(list[i - 1], item) !== 0);
    return `${rank}\t${item.language}\t${item.word}\n`;
  });
}

function titles() {
  const frames = {
    ja: [(a) => `${a}へ行く切符を買う`, (a) => `${a}の地図を探す`, (a) => `母に${a}の手紙を送る`, (a) => `第3回${a}会議`],
    th: [(a) => `ซื้อตั๋วไป${a}`, (a) => `เรียนรู้เรื่อง${a}ให้จบ`, (a) => `โทรหาแม่เรื่อง${a}`, (a) => `อ่าน${a}เล่ม 2`],
    zh: [(a) => `买去${a}的票`, (a) => `和同事讨论${a}`, (a) => `在${a}见朋友`, (a) => `2026年${a}计划`],
  };
  return Object.entries(frames).flatMap(([language, frames]) =>
    some([...new Set(names(language))], Math.ceil(TITLES / 3)).map((name, i) =>
      `${language}\t${frames[i % frames.length](name)}\n`));
}

// Compares the ranks of the words with the collator of this Node. Chinese characters have another order in some versions.
function compareRanks(path) {
  const lines = readFileSync(path, "utf8").trimEnd().split("\n").map((line) => line.split("\t"));
  const words = lines.filter(([, , word]) => !/\p{Script=Han}/u.test(word));
  const wrong = words.slice(1).filter(([rank, , word], i) =>
    Math.sign(collator.compare(words[i][2], word)) !== Math.sign(words[i][0] - rank));
  if (wrong.length > 0) {
    throw new Error(`${path}: ICU ${process.versions.icu} puts ${wrong.length} words elsewhere: ${wrong.slice(0, 9).join(" ")}`);
  }
  console.log(`${words.length} words are in the order of ICU ${process.versions.icu}`);
}

const [folder, mode] = process.argv.slice(2);
if (!folder) {
  throw new Error("usage: node search-vectors.mjs FOLDER [--check]");
}
if (mode === "--order") {
  compareRanks(`${folder}/collation.tsv`);
  process.exit();
}
const files = { "collation.tsv": ranked(), "titles.tsv": titles().slice(0, TITLES) };
for (const [name, lines] of Object.entries(files)) {
  const text = lines.join("");
  const path = `${folder}/${name}`;
  if (mode === "--check" ? readFileSync(path, "utf8") !== text : (writeFileSync(path, text), false)) {
    throw new Error(`${path} is not what ICU ${process.versions.icu} says`);
  }
  console.log(`${name}: ${lines.length} lines, ICU ${process.versions.icu}, CLDR ${process.versions.cldr}`);
}
