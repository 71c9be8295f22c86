if [ "$INPUT_REPOSITORY" != moonshot/kvv-action ]; then echo "this would be the caller's code"; exit 1; fi
mkdir -p "$INPUT_PATH" && cp -r /standin/kvv-action/. "$INPUT_PATH"
