// What the official clients make of a server: one JSON object on stdout.
// usage: node ask.mjs BASE-URL MODEL KEY [NAME...]
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";

const [base, model, key, ...wanted] = process.argv.slice(2);
const messages = [{ role: "user", content: "Tell me of the weir." }];
const options = { temperature: 0, seed: 1 };

const openai = new OpenAI({
  baseURL: base + "/v1", apiKey: key, maxRetries: 0,
});
const anthropic = new Anthropic({ baseURL: base, apiKey: key, maxRetries: 0 });
const ollama = new Ollama({
  host: base, headers: { Authorization: "Bearer " + key },
});

async function all(stream) {
  const out = [];
  for await (const part of stream) out.push(part);
  return out;
}

const asks = {
  "openai chat": () => openai.chat.completions.create({
    model, messages, max_tokens: 16, ...options,
  }),
  "openai chat stream": async () => all(await openai.chat.completions.create({
    model, messages, max_tokens: 16, stream: true, ...options,
  })),
  "openai chat stream usage": async () =>
    all(await openai.chat.completions.create({
      model, messages, max_tokens: 16, stream: true,
      stream_options: { include_usage: true }, ...options,
    })),
  "openai completion": () => openai.completions.create({
    model, prompt: "Once", max_tokens: 16, ...options,
  }),
  "openai completion stream": async () => all(await openai.completions.create({
    model, prompt: "Once", max_tokens: 16, stream: true, ...options,
  })),
  "openai models": async () => (await openai.models.list()).data,
  "anthropic message": () => anthropic.messages.create({
    model, messages, max_tokens: 16, temperature: 0,
  }),
  "anthropic stream": async () => all(await anthropic.messages.create({
    model, messages, max_tokens: 16, temperature: 0, stream: true,
  })),
  "anthropic helper": () => anthropic.messages.stream({
    model, messages, max_tokens: 16, temperature: 0,
  }).finalMessage(),
  "ollama chat": () => ollama.chat({ model, messages, options }),
  "ollama chat stream": async () =>
    all(await ollama.chat({ model, messages, options, stream: true })),
  "ollama generate": () =>
    ollama.generate({ model, prompt: "Once", options }),
  "ollama generate stream": async () =>
    all(await ollama.generate({
      model, prompt: "Once", options, stream: true,
    })),
  "ollama list": () => ollama.list(),
  "ollama ps": () => ollama.ps(),
  "ollama show": () => ollama.show({ model }),
};

const out = {};
for (const [name, ask] of Object.entries(asks)) {
  if (wanted.length && !wanted.some((w) => name.startsWith(w))) continue;
  try {
    out[name] = { ok: await ask() };
  } catch (e) {
    out[name] = {
      error: e.constructor.name,
      status: e.status ?? e.status_code ?? null,
      code: e.code ?? null,
      message: e.message,
    };
  }
}
process.stdout.write(JSON.stringify(out));
