"use strict";
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    url: document.getElementById("api").dataset.document,
    dom_id: "#api",
    deepLinking: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});
