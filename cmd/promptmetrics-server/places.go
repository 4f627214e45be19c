package main

// checkPlaces refuses variables that say two things about where the prompts
// are, or something about a place where they are not: whoever set them expects
// an effect. GITHUB_TOKEN alone is no such thing, other programs have it too.
func (e *environment) checkPlaces(driver string, tags bool) {
	set := func(name string) bool { return e.text(name, "") != "" }
	gitHub, remote := set("GITHUB_REPO"), set("GIT_REMOTE_URL")
	for _, name := range []string{"GITHUB_REPO", "GIT_REMOTE_URL"} {
		if driver == driverS3 && set(name) {
			e.fault("%s and DRIVER=s3 exclude each other, as prompts are in one place: remove one", name)
		}
	}
	if driver != driverS3 && set("S3_BUCKET") {
		e.fault("S3_BUCKET needs DRIVER=s3: set that, or remove S3_BUCKET")
	}
	if driver == "filesystem" && remote {
		e.fault("GIT_REMOTE_URL and DRIVER=filesystem exclude each other: set DRIVER=github, or remove GIT_REMOTE_URL")
	}
	if remote && !gitHub && set("GITHUB_BRANCH") {
		e.fault("GITHUB_BRANCH belongs to GITHUB_REPO: with GIT_REMOTE_URL set GIT_REMOTE_BRANCH")
	}
	for _, name := range []string{"GIT_REMOTE_TOKEN", "GIT_REMOTE_USERNAME", "GIT_REMOTE_BRANCH"} {
		if !remote && set(name) {
			e.fault("%s needs GIT_REMOTE_URL: set that, or remove %s", name, name)
		}
	}
	if !remote && !gitHub && tags {
		e.fault("GIT_TAGS=true needs a git host: set GITHUB_REPO or GIT_REMOTE_URL, or remove GIT_TAGS")
	}
}
