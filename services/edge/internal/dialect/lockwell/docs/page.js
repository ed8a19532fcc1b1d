"use strict";
// Relative URLs, so that the page also works behind a prefix. No validator: that
// would ask another host.
SwaggerUIBundle({
  dom_id: "#reference",
  url: "openapi.json",
  validatorUrl: null,
  deepLinking: true,
  displayOperationId: true,
  docExpansion: "list",
  showExtensions: true,
  filter: true,
  tryItOutEnabled: false,
  persistAuthorization: false,
});
