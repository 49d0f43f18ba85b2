// npm.js TEXT...: how fast tiktoken and gpt-tokenizer count, o200k.
"use strict";
const fs = require("fs");
const tiktoken = require("tiktoken").get_encoding("o200k_base");
const gpt = require("gpt-tokenizer/encoding/o200k_base");

function best(rounds, count) {
	let least = Infinity, n = 0;
	for (let i = 0; i < rounds; i++) {
		const from = process.hrtime.bigint();
		n = count();
		const ms = Number(process.hrtime.bigint() - from) / 1e6;
		least = Math.min(least, ms);
	}
	return [least, n];
}

console.log("| text | tokens | tiktoken MB/s | gpt-tokenizer MB/s |");
for (const path of process.argv.slice(2)) {
	const text = fs.readFileSync(path, "utf8");
	const mb = fs.statSync(path).size / 1e6;
	const [a, n] = best(3, () => tiktoken.encode_ordinary(text).length);
	const [b] = best(3, () => gpt.countTokens(text));
	console.log(`| ${path.split("/").pop()} | ${n} | ` +
		`${(mb / a * 1e3).toFixed(1)} | ${(mb / b * 1e3).toFixed(1)} |`);
}
