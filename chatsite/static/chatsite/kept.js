// What a tab keeps over a reload. Where a browser keeps nothing for a frame in another site's page, memory serves.

const memory = new Map();

export const kept = {
  get(name) {
    try {
      return JSON.parse(sessionStorage.getItem(name));
    } catch {
      return memory.get(name) ?? null;
    }
  },
  set(name, value) {
    memory.set(name, value);
    try {
      sessionStorage.setItem(name, JSON.stringify(value));
    } catch {
      // full, or forbidden
    }
  },
};
