package httpapi_test

const webhookSecret = "it's a secret to everybody"
