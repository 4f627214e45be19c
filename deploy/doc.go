// Package deploy holds nothing but tests: of the Dockerfile, and of the files
// here that show how the server is deployed.
package deploy
