// Tells the front end where the server is, so that it connects at once. By itself, it would try each URL that the
// server may be at: first the one below /analytics, where there is none.
{
  const pages = JSON.parse(document.currentScript.dataset.told);
  const { origin, pathname } = window.location;
  const start = pathname.lastIndexOf("/") + 1;
  if (pages.includes(pathname.slice(start))) {
    window.__streamlit = {
      BACKEND_BASE_URL: origin + pathname.slice(0, start),
      HOST_CONFIG: { allowedOrigins: [origin], useExternalAuthToken: false },
    };
  }
}
