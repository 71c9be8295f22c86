mkdir -p "$INPUT_PATH"
if [ -n "$INPUT_NAME" ]; then cp -r "/standin/artifacts/$INPUT_NAME/." "$INPUT_PATH"; else
  for one in /standin/artifacts/$INPUT_PATTERN; do cp -r "$one" "$INPUT_PATH"; done
fi
