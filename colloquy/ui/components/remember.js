// Stores a choice for this browser. Only names and words of the app are passed in.
export default function ({ data }) {
  document.cookie = `${data.name}=${encodeURIComponent(data.value)}; path=/; max-age=31536000; samesite=lax`;
}
