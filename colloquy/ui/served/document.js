// Says where the server is, so that the front end connects to it at once. By itself it asks for it below each address
// that it may be at: below /analytics first, where there is none.
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
