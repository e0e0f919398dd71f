// What a tab keeps over a reload, and a browser for longer. Where a browser keeps nothing for a frame in another site's page,
// memory serves.

export const kept = keeping(() => sessionStorage);
export const remembered = keeping(() => localStorage);

function keeping(storage) {
  const memory = new Map();
  return {
    get(name) {
      try {
        return JSON.parse(storage().getItem(name));
      } catch {
        return memory.get(name) ?? null;
      }
    },
    set(name, value) {
      memory.set(name, value);
      try {
        storage().setItem(name, JSON.stringify(value));
      } catch {
        // full, or forbidden
      }
    },
  };
}
