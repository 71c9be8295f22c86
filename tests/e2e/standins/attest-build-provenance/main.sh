if [ -e /standin/private ]; then echo "Feature not available for the repository"; exit 1; fi
sha256sum "$(printenv INPUT_SUBJECT-PATH)" > /standin/attested
