// A choice that holds for this browser. Nothing but names and words of the app come here.
export default function ({ data }) {
  document.cookie = `${data.name}=${encodeURIComponent(data.value)}; path=/; max-age=31536000; samesite=lax`;
}
